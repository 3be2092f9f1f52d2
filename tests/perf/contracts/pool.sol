// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

interface IToken {
	function balanceOf(address owner) external view returns (uint256);
	function transfer(address to, uint256 value) external returns (bool);
	function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// Two tokens whose product never falls: 0.3 % of what comes in stays. It takes the input by
/// transferFrom, pays the output, and believes balances alone.
contract Pool {
	IToken public token0; // slot 0
	IToken public token1; // slot 1
	uint112 reserve0; // slot 2, the three of them
	uint112 reserve1;
	uint32 updatedAt;
	uint256 public price0Cumulative; // slot 3
	uint256 public price1Cumulative; // slot 4
	uint256 locked; // slot 5: 1 free, 2 taken

	event Swap(address indexed sender, bool zeroForOne, uint256 amountIn, uint256 amountOut);
	event Sync(uint112 reserve0, uint112 reserve1);

	error Locked();
	error OutputTooSmall(uint256 amountOut, uint256 amountOutMin);
	error ProductFell();
	error TokenRefused();

	modifier lock() {
		if (locked == 2) revert Locked();
		locked = 2;
		_;
		locked = 1;
	}

	constructor(IToken first, IToken second) {
		token0 = first;
		token1 = second;
		locked = 1;
	}

	function reserves() external view returns (uint112, uint112, uint32) {
		return (reserve0, reserve1, updatedAt);
	}

	function sync() external lock {
		update(token0.balanceOf(address(this)), token1.balanceOf(address(this)));
	}

	function swap(bool zeroForOne, uint256 amountIn, uint256 amountOutMin) external lock
		returns (uint256 amountOut)
	{
		(IToken tokenIn, IToken tokenOut) = zeroForOne ? (token0, token1) : (token1, token0);
		(uint256 before0, uint256 before1) = (reserve0, reserve1);
		{
			(uint256 reserveIn, uint256 reserveOut) =
				zeroForOne ? (before0, before1) : (before1, before0);
			uint256 taken = amountIn * 997;
			amountOut = taken * reserveOut / (reserveIn * 1000 + taken);
		}
		if (amountOut < amountOutMin) revert OutputTooSmall(amountOut, amountOutMin);
		if (!tokenIn.transferFrom(msg.sender, address(this), amountIn)) revert TokenRefused();
		if (!tokenOut.transfer(msg.sender, amountOut)) revert TokenRefused();
		uint256 balance0 = token0.balanceOf(address(this));
		uint256 balance1 = token1.balanceOf(address(this));
		{
			uint256 adjusted0 = balance0 * 1000 - (zeroForOne ? amountIn * 3 : 0);
			uint256 adjusted1 = balance1 * 1000 - (zeroForOne ? 0 : amountIn * 3);
			if (adjusted0 * adjusted1 < before0 * before1 * 1000000) revert ProductFell();
		}
		update(balance0, balance1);
		emit Swap(msg.sender, zeroForOne, amountIn, amountOut);
	}

	function update(uint256 balance0, uint256 balance1) internal {
		uint32 now32 = uint32(block.timestamp);
		unchecked {
			uint32 elapsed = now32 - updatedAt;
			if (elapsed > 0 && reserve0 != 0 && reserve1 != 0) {
				price0Cumulative += (uint256(reserve1) << 112) / reserve0 * elapsed;
				price1Cumulative += (uint256(reserve0) << 112) / reserve1 * elapsed;
			}
		}
		reserve0 = uint112(balance0);
		reserve1 = uint112(balance1);
		updatedAt = now32;
		emit Sync(uint112(balance0), uint112(balance1));
	}
}
