"""Short benign sentences that no model may flag: greetings, game talk, quotations, support, names of groups.

Written for this project. They are never trained on; base training raises a threshold that one of them would
cross, and a candidate that flags one is refused.
"""

from __future__ import annotations

BENIGN = (
    "",
    "hello everyone",
    "good morning",
    "ok",
    "lol",
    "👍",
    "thanks for the help!",
    "anyone up for ranked tonight?",
    "gg well played",
    "that boss fight killed me",
    "I'll kill you next round lol",
    "how do I kill the dragon in phase two?",
    "I'm so dead after that raid",
    "nice shot, you destroyed them",
    "my build keeps crashing, any ideas?",
    "can someone link the patch notes?",
    "the new update is out https://news.example/patch",
    "free to join voice if you want",
    "does anyone have a spare key for the dungeon",
    "check out my new base design",
    'He said "you are worthless" and I reported him',
    "please stop calling people names in here",
    "I was feeling really down last week, thanks for listening",
    "women's tournament starts at 8",
    "the muslim community centre is hosting a game night",
    "the jewish museum has a free exhibition this week",
    "I am gay and proud",
    "black lives matter",
    "she is a great tank player",
)
