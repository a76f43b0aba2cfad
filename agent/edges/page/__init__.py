"""The status page: how the till is, for whoever stands before it; what happened to a sale; and what only an operator may do.

``site`` serves it and says who may look, ``buttons`` takes what its buttons send, ``pass_`` keeps who has shown a token. ``facts`` asks the
desk and the engine (both come in ``house``), ``day`` and ``pulse`` count; ``overview`` and ``health``, ``operations``, ``sale``,
``deciding`` and ``checkup`` draw what ``document`` puts into a page; ``acting`` is what an operator does. ``words`` are what they are
written in, ``plots`` the drawings, ``assets`` the script and the style.

What is shown is what the desk would answer to an operator who looks, so nothing on it counts as told to a register (money rule 5), and no
secret and no payment link can be on it. What is done goes through the same desk, as the operator whose token was shown.
"""
