"""``python -m clearprop.posts``: measure again what takes long, and store it with today's date (for developers)."""

from pathlib import Path

from clearprop.files.atomic import atomic_write
from clearprop.posts import POSTS
from clearprop.posts.base import measure

atomic_write(Path(__file__).with_name("measured.json"), measure(POSTS).encode())
