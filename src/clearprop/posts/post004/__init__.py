"""Post 004: see `replay` for its system, `findings` for what is wrong in it."""

from clearprop.posts.base import Post
from clearprop.posts.post004 import sentences
from clearprop.posts.post004.findings import LONG, PROBES
from clearprop.posts.post004.pictures import draw
from clearprop.posts.post004.replay import PUBLISHED, as_published, corrected

POST = Post(
    "004",
    sentences.TITLE,
    sentences.CLAIM,
    sentences.VERDICT,
    PUBLISHED,
    as_published,
    corrected,
    PROBES,
    sentences.FINDINGS,
    draw,
    LONG,
)
