// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

// An ERC-20 whose whole supply begins with its maker.
contract Token {
	string public name;
	string public symbol;
	uint8 public constant decimals = 18;
	uint256 public totalSupply;
	mapping(address => uint256) public balanceOf;
	mapping(address => mapping(address => uint256)) public allowance;

	event Transfer(address indexed from, address indexed to, uint256 value);
	event Approval(address indexed owner, address indexed spender, uint256 value);

	error Insufficient(address owner, uint256 has, uint256 wants);

	constructor(string memory name_, string memory symbol_, uint256 supply) {
		name = name_;
		symbol = symbol_;
		totalSupply = supply;
		balanceOf[msg.sender] = supply;
		emit Transfer(address(0), msg.sender, supply);
	}

	function transfer(address to, uint256 value) external returns (bool) {
		move(msg.sender, to, value);
		return true;
	}

	function approve(address spender, uint256 value) external returns (bool) {
		allowance[msg.sender][spender] = value;
		emit Approval(msg.sender, spender, value);
		return true;
	}

	function transferFrom(address from, address to, uint256 value) external returns (bool) {
		uint256 allowed = allowance[from][msg.sender];

		if (allowed != type(uint256).max) {
			if (allowed < value)
				revert Insufficient(from, allowed, value);
			allowance[from][msg.sender] = allowed - value;
		}
		move(from, to, value);
		return true;
	}

	function move(address from, address to, uint256 value) private {
		uint256 has = balanceOf[from];

		if (has < value)
			revert Insufficient(from, has, value);
		unchecked {
			balanceOf[from] = has - value;
			balanceOf[to] += value;
		}
		emit Transfer(from, to, value);
	}
}
