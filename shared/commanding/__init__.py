"""What people ask for in a chat, done: requests, votes, and what follows for a grant.

    desk           what commands work with
    requesting     a request or an extension, put before a channel
    voting         votes, counted; what came of them; a request taken back
    grant_actions  rotation and end of a grant
    break_glass    access in an incident without approval, and its review
    dispatch       which of these a message asks for

Each yields replies as there is something to say. Nothing is believed that was typed: who somebody
is says the chat's signature, what they saw the offer's, who has voted the audit log.
"""
