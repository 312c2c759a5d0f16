"""The five tutorial posts that clearprop began with: their numbers, their replays, and what is wrong in them.

from clearprop.posts import POSTS

POSTS["003"].as_published().numbers["loss at 40"]      # 0.4526: the post's plateau
POSTS["003"].corrected().numbers["loss at 99"]         # 0.2824: its formula mended
for finding in POSTS["003"].findings():
    print(finding.text.en)
"""

from clearprop._registry import Registry
from clearprop.posts.base import Finding, Post, Printed, Replay, Row, Text
from clearprop.posts.post000 import POST as _000
from clearprop.posts.post001 import POST as _001
from clearprop.posts.post002 import POST as _002
from clearprop.posts.post003 import POST as _003
from clearprop.posts.post004 import POST as _004

__all__ = ["POSTS", "Finding", "Post", "Printed", "Replay", "Row", "Text"]

POSTS: Registry[Post] = Registry("post")
"""Post by number: "000" to "004"."""
for _post in (_000, _001, _002, _003, _004):
    POSTS.register(_post.key, _post)
