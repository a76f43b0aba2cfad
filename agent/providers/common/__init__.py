"""What the payment systems share: reading JSON, collecting what is wrong with a checkout, and the rules for what may be kept of an answer.
Pure, and no system's own."""
