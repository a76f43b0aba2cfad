"""How fast the agent is, as ratios to what the machine itself can do: ``make bench``.

Milliseconds of one machine say nothing about another, and those of one minute little about the next. So every figure is divided by a
floor - a bare round trip over a socket, a bare flush to the same disk - that was measured in the same round, a few requests away. The
median of the rounds is judged. Two disks: ``native``, as it is, and ``slow5``, on which every flush takes 5 ms longer, like the flash
memory of a till; what decides there is the number of flushes, and that is what the binding goals are about.

The agent under test is the real process, started from a configuration file, with the sandbox as its bank.
"""
