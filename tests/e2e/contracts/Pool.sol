// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

interface IToken {
	function transfer(address to, uint256 value) external returns (bool);
	function transferFrom(address from, address to, uint256 value) external returns (bool);
}

// A pool of two tokens whose reserves keep their product, but for a fee of 3 in 1000.
contract Pool {
	IToken public immutable first;
	IToken public immutable second;
	uint128 public firstReserve;
	uint128 public secondReserve;
	uint256 public shares;
	mapping(address => uint256) public sharesOf;

	event Added(address indexed who, uint256 firstAmount, uint256 secondAmount, uint256 made);
	event Removed(address indexed who, uint256 firstAmount, uint256 secondAmount, uint256 burnt);
	event Swapped(address indexed who, bool firstIn, uint256 amountIn, uint256 amountOut);

	constructor(address first_, address second_) {
		require(first_ != second_, "same token");
		first = IToken(first_);
		second = IToken(second_);
	}

	function add(uint256 firstAmount, uint256 secondAmount) external returns (uint256 made) {
		if (shares == 0) {
			made = root(firstAmount * secondAmount);
		} else {
			uint256 a = firstAmount * shares / firstReserve;
			uint256 b = secondAmount * shares / secondReserve;

			made = a < b ? a : b;
		}
		require(made > 0, "too little");
		first.transferFrom(msg.sender, address(this), firstAmount);
		second.transferFrom(msg.sender, address(this), secondAmount);
		firstReserve += uint128(firstAmount);
		secondReserve += uint128(secondAmount);
		shares += made;
		sharesOf[msg.sender] += made;
		emit Added(msg.sender, firstAmount, secondAmount, made);
	}

	function remove(uint256 burnt) external {
		uint256 a = burnt * firstReserve / shares;
		uint256 b = burnt * secondReserve / shares;

		sharesOf[msg.sender] -= burnt;
		shares -= burnt;
		firstReserve -= uint128(a);
		secondReserve -= uint128(b);
		first.transfer(msg.sender, a);
		second.transfer(msg.sender, b);
		emit Removed(msg.sender, a, b, burnt);
	}

	function swap(bool firstIn, uint256 amountIn, uint256 leastOut) external returns (uint256 out) {
		(uint256 from, uint256 to) =
			firstIn ? (firstReserve, secondReserve) : (secondReserve, firstReserve);
		uint256 charged = amountIn * 997;

		out = charged * to / (from * 1000 + charged);
		require(out >= leastOut, "price moved");
		(firstIn ? first : second).transferFrom(msg.sender, address(this), amountIn);
		(firstIn ? second : first).transfer(msg.sender, out);
		if (firstIn) {
			firstReserve += uint128(amountIn);
			secondReserve -= uint128(out);
		} else {
			secondReserve += uint128(amountIn);
			firstReserve -= uint128(out);
		}
		emit Swapped(msg.sender, firstIn, amountIn, out);
	}

	function root(uint256 x) private pure returns (uint256 y) {
		uint256 z = (x + 1) / 2;

		y = x;
		while (z < y) {
			y = z;
			z = (x / z + z) / 2;
		}
	}
}
