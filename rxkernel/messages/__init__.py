"""What travels through the kernel: requests, responses, and the connection behind them."""
