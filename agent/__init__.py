"""The payment agent of a till: a crash-safe queue between the register software and the payment systems."""

__version__ = "0.1.0"
