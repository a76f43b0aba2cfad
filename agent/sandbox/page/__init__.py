"""The page on which a person is the customer, the shop's bad network and the bank's bad day: the phone page of the sandbox.

``routes`` serves it, ``document`` is the whole page, ``waiting``, ``books`` and ``switches`` make its live rows, ``forms`` what is filled
in, ``stream`` tells an open page what changed, ``html`` and ``words`` are what they are written in, ``assets`` the script and the style.

What a row shows is what the control API would answer, and what a button does is a request to the control API, named in the button. So the
page can do nothing that a test could not do, and the script knows nothing about payments.
"""
