"""Post 000: see `replay` for its system, `findings` for what is wrong in it."""

from clearprop.posts.base import Post
from clearprop.posts.post000 import sentences
from clearprop.posts.post000.findings import LONG, PROBES
from clearprop.posts.post000.pictures import draw
from clearprop.posts.post000.replay import PUBLISHED, as_published, corrected

POST = Post(
    "000",
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
