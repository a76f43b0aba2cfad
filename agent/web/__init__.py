"""What every live page of the product is made of: markup that cannot be forgotten to be escaped, regions of rows, the stream that says
which of them changed, and the script and style that both pages share.

The sandbox and the daemon have a page each. They share how a page is made, and nothing of what is on it: this package knows neither.
"""
