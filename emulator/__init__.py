"""A local Alibaba Cloud that unmodified official SDKs talk to over real HTTP.

Read: `server` (transport), `gateway` (which product), `rpc` (front end of RAM, IMS, STS, KMS),
`cloud` (the state and authentication), `policy` (the policy language), then a product's folder:
`state` is what it holds, `actions` what it answers. `choices` lists what the documentation leaves
open. Nothing here imports the product that is tested against it, so that one misunderstanding
cannot pass on both sides.
"""
