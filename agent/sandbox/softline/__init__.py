"""Softline Payments at this bank: a create that is not idempotent, tokens that expire, links of 90 days, refunds that people make."""
