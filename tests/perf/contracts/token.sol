// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// An ERC-20 token as most are: checked arithmetic, an unlimited allowance stays as it is, events.
contract Token {
	mapping(address => uint256) public balanceOf; // slot 0
	mapping(address => mapping(address => uint256)) public allowance; // slot 1
	uint256 public totalSupply; // slot 2

	event Transfer(address indexed from, address indexed to, uint256 value);
	event Approval(address indexed owner, address indexed spender, uint256 value);

	error InsufficientBalance(address owner, uint256 balance, uint256 needed);
	error InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
	error InvalidReceiver(address receiver);

	constructor(uint256 supply) {
		totalSupply = supply;
		balanceOf[msg.sender] = supply;
		emit Transfer(address(0), msg.sender, supply);
	}

	function name() external pure returns (string memory) {
		return "Token";
	}

	function decimals() external pure returns (uint8) {
		return 18;
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
			if (allowed < value) revert InsufficientAllowance(msg.sender, allowed, value);
			unchecked {
				allowance[from][msg.sender] = allowed - value;
			}
		}
		move(from, to, value);
		return true;
	}

	function move(address from, address to, uint256 value) internal {
		if (to == address(0)) revert InvalidReceiver(to);
		uint256 balance = balanceOf[from];
		if (balance < value) revert InsufficientBalance(from, balance, value);
		unchecked {
			balanceOf[from] = balance - value;
			balanceOf[to] += value;
		}
		emit Transfer(from, to, value);
	}
}
