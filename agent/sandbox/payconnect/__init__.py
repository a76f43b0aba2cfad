"""PayConnect at this bank: tokens, a create that is not idempotent, sessions of half an hour, a limit of requests per minute, no refunds.

Its document leaves most answers open. What this sandbox answers there is invented, and the agent's assumptions were invented with it: that
the two agree proves nothing about the real system.
"""
