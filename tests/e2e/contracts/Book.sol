// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

interface IToken {
	function transfer(address to, uint256 value) external returns (bool);
	function transferFrom(address from, address to, uint256 value) external returns (bool);
}

// Limit orders for one token in units of another, in price levels of linked lists; the oldest of
// the best price is met first. Takers match at once, what is left rests.
contract Book {
	struct Order {
		address owner;
		uint96 amount;
		uint32 next;
	}

	struct Level {
		uint32 head;
		uint32 tail;
	}

	IToken public immutable base;
	IToken public immutable quote;
	uint32 public orderCount;
	mapping(uint32 => Order) public orders;
	// By side, then price: quote units for one base unit, 1 to 255.
	mapping(bool => mapping(uint256 => Level)) public levels;
	// One bit for each price that has orders.
	mapping(bool => uint256) public prices;

	event Placed(uint32 indexed number, address indexed owner, bool buy, uint8 price, uint96 amount);
	event Met(uint32 indexed number, address indexed taker, uint8 price, uint96 amount);
	event Withdrawn(uint32 indexed number, uint96 amount);

	error NoPrice();
	error NotYours(uint32 number);

	constructor(address base_, address quote_) {
		base = IToken(base_);
		quote = IToken(quote_);
	}

	function place(bool buy, uint8 price, uint96 amount) external returns (uint32 number) {
		if (price == 0)
			revert NoPrice();
		if (buy)
			quote.transferFrom(msg.sender, address(this), uint256(amount) * price);
		else
			base.transferFrom(msg.sender, address(this), amount);
		uint96 left = amount;
		while (left > 0) {
			uint8 best = bestPrice(!buy);

			if (best == 0 || (buy ? best > price : best < price))
				break;
			left = meet(!buy, best, left, buy ? price : 0);
		}
		if (left > 0)
			number = rest(buy, price, left);
	}

	function withdraw(bool buy, uint8 price, uint32 number) external {
		Order storage order = orders[number];
		uint96 amount = order.amount;

		if (order.owner != msg.sender || amount == 0)
			revert NotYours(number);
		order.amount = 0; // its place in the list is given up when it is met
		if (buy)
			quote.transfer(msg.sender, uint256(amount) * price);
		else
			base.transfer(msg.sender, amount);
		emit Withdrawn(number, amount);
	}

	// The highest to buy, the lowest to sell; 0: none.
	function bestPrice(bool buy) public view returns (uint8 best) {
		uint256 bits = prices[buy];

		if (bits == 0)
			return 0;
		if (!buy)
			bits &= ~bits + 1;
		for (uint256 step = 128; step > 0; step >>= 1)
			if (bits >> step != 0) {
				bits >>= step;
				best += uint8(step);
			}
	}

	function meet(bool side, uint8 price, uint96 left, uint8 paid) private returns (uint96) {
		Level storage level = levels[side][price];
		uint32 number = level.head;

		while (number != 0 && left > 0) {
			Order storage order = orders[number];
			uint96 part = order.amount < left ? order.amount : left;

			if (part > 0) {
				order.amount -= part;
				left -= part;
				settle(side, order.owner, price, part, paid);
				emit Met(number, msg.sender, price, part);
			}
			if (order.amount == 0)
				number = order.next;
		}
		level.head = number;
		if (number == 0) {
			level.tail = 0;
			prices[side] &= ~(uint256(1) << price);
		}
		return left;
	}

	// What was paid in advance goes to the other; a buyer gets back what a better price saves.
	function settle(bool side, address owner, uint8 price, uint96 part, uint8 paid) private {
		if (side) {
			base.transfer(owner, part);
			quote.transfer(msg.sender, uint256(part) * price);
		} else {
			base.transfer(msg.sender, part);
			quote.transfer(owner, uint256(part) * price);
			if (paid > price)
				quote.transfer(msg.sender, uint256(part) * (paid - price));
		}
	}

	function rest(bool buy, uint8 price, uint96 amount) private returns (uint32 number) {
		Level storage level = levels[buy][price];

		number = ++orderCount;
		orders[number] = Order(msg.sender, amount, 0);
		if (level.tail == 0)
			level.head = number;
		else
			orders[level.tail].next = number;
		level.tail = number;
		prices[buy] |= uint256(1) << price;
		emit Placed(number, msg.sender, buy, price, amount);
	}
}
