"""RAM 2015-05-01: users, groups, roles, policies and AccessKeys. IMS shares this state."""
