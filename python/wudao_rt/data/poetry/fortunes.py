"""The poems of the Debian package `fortunes-zh`: never trained on, but they too decide what is held out.

So that nobody needs that package to prepare a corpus, the poems of `chinese-poetry` 2.0.1 that share a full line with a
held-out poem of it are named here by the start of their body's SHA-256; a test derives the list from both packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..held_out import body_digest, full_lines, held_out_lines
from ..package import PackageFiles
from .source import to_simplified

_FOLDER = "usr/share/games/fortunes/"
_FILES = ("tang300", "song100", "chinese")
_COLOURED = re.compile(r"^.*\x1b\[.*$", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]+\S.*$", re.MULTILINE)
MARK_CHARACTERS = 16


def fortune_poems(files: PackageFiles) -> list[str]:
    """Return the text of every item without its coloured title and source, and each part under an indented heading."""
    texts = [part for name in _FILES for part in _parts(files.path(_FOLDER + name).read_text(encoding="utf-8"))]
    return to_simplified(texts)


def _parts(content: str) -> Iterator[str]:
    for item in content.split("\n%\n"):
        plain = _COLOURED.sub("", item)
        parts = _HEADING.split(plain)
        yield plain
        if len(parts) > 1:
            yield "".join(parts)
            yield from parts


def derive_marks(poems: Iterable[str], fortunes: Iterable[str]) -> list[str]:
    """Return the marks of the poems that share a full line with a held-out fortune."""
    lines = held_out_lines(fortunes)
    found = {body_digest(poem).hex()[:MARK_CHARACTERS] for poem in poems if not lines.isdisjoint(full_lines(poem))}
    return sorted(found)


_MARKS = """
09c9b7e3f5119d38 0a79c9be83b7e442 0ba8e9af2de66658 0bcecc8ee8f9a3f1 0cbbc9618f2dc425 0cc5eb43d67349a9 0db97e8cf545b713
0e77bd1ebc8cca2a 0fbc457eacd002a7 111398383eddd030 11e02d2a8ac43958 1391f216d468fe98 150c4c38d233fd19 174916e696d0c190
17d1d25769362441 17e5a6ca549efd8b 1856e606e6cf56da 193ab52e53a352a8 1947ccb6bf3b8e83 1a677d3fa7010919 1a70c22a0d1a95b9
1af0c13cd679158f 1b16b53e416311cd 1c1cbbf0c7955fa8 1eb5c4c70184edae 1f872719e9109662 2167a9f555bdf7bd 21fbe711772685d9
24b73e0324e94d85 25945a83ccb0be55 26e1c74a2a21acf3 28f4ecb1ac0a8353 290a0c4e21c5c496 29b43a970de7db61 29c9f50cc30f193d
2a77434ea57646d7 2bc8c0199c59df57 2c3e35260fd06a9e 2d1574813829fed0 2da9b632b3b68b26 2e2c67f527099beb 2e7b8b91f905b1f7
304b3dfc1cdade1f 305b6a40573583d7 334959902433a7a3 351ba44f078d34e4 36ee458701f5ccda 38c80a4f14bc446f 3a747b42be7ed49a
3aad94cfdfda65a0 3b220dc363c55eea 3e50b7c144711d5f 3e6a189a471dc8c9 3fae6f3f8c2bd03c 40e643bd5a68d2a8 4195b5d3e70c488f
41b71ae3169a57f9 41c4038b818080d9 4203e7ffe924ce43 43c24d7f9d068b84 454a82feea16f586 456ae3bddf52981e 461b02a3643af49b
46b54ef0b5e6a197 47184307a36cf8d6 48048e2d115325b6 4b3f6a9622a8608b 4b8fca80b080705a 4cb6f6e823a05676 4f92f62a2ad60bf2
500bdff17a417876 50b6b970666e8bf8 50ffca6e878d9a13 518f49954a8214e3 528b70f5baadc4a2 52b9aab781976918 53fe6a5018c915be
5556003464a32408 5679cd93464594bd 580f5f5c8a01b550 58bbf26e31591042 5a2ed4d6041e0a57 5bc25dcb939f2359 5c8573d142bba19a
5e29ba9856629009 5eeeb6710e791c9a 5efa1c2be3a6e612 5f50e45b3dcc507e 602059e9876da9d9 619633ee4ea26617 63ba26bc1c6a83aa
63ce761b683c361b 67501055a6177add 6a6abf87a29e3b2f 6af295e04e973b36 6afedca55a62b1ba 6daf747ec3ad7032 6f7a16be64b8739e
6fe83b12aec21856 70070ab1ab74f491 70f8fa50558376d1 721d9d9ff3690c29 72b00c3e65c0ae0d 72ee8fc2438eac46 750369f7f62ebab9
7537c7b96ab1662c 75ec72e626ac2327 7a6dadb17f31a47b 7b8c579b0bc012e1 7c38ab725b65db59 7c7b44012b057c98 7c9276a7d0729789
7e3ef76838d54977 7e63b0be924cacca 7e7f8b2cbec7b9ee 7ee9b9a775b18958 7fe426e5c7f97900 803ca919ef404387 8154b38555ab9739
837a279609ccda76 842761f04c9ad697 849e4c7807669a7e 863c053a6784b37b 8739312e0c0d3eed 87404d4daf1d42e8 875ae6ab9261ecf0
88ee435647858cde 89365185b496ab82 89c491d165c7fff9 89fc8f718ccf67c1 8a02c875d3ce92a4 8a1824df1e193c24 8b6ead1ac7288631
8bf0730c2283100a 8c81c3625a4bae20 8f0ba105ecbc512f 8f837668bb228aeb 90dc870c7d1ab5bd 91c8ff31050322c9 92430d261bf7130e
928567e149f27b0c 92ba48259444fb08 92c2875193cfffb3 93a8b380d825d899 954e5caf30af82be 960a0980c978507f 993944ec482324cf
9a04208c5ef5e7bf 9aff74256843d4d1 9ca12b1c60b6d8c5 9da45d61135d1f39 9e485525b21b0aa4 a157e0630f02d88d a1ac4e763804da95
a2e5fd217f512761 a3adaa05d3799fd3 a3b6e93530eebe6c a4e2d7174dd459bb a5d3157c2bd752ad a7886d435c6c2a7a a84c81fdd4c2eec8
a886bf0fda1cf805 a9320faba0f8ac8e aaa71d958dccb713 aaf3557fe97d012f ab0ec82b492df55c abb6b6d18af171f2 ac3de091e4269b79
acef63d8e99761bb aee612b1e8d6098a af89b93d14e992f8 b28b17c608631689 b3492e6bd8b99696 b48a934934aa7a3a b4b1dba59e31b756
b505ed7e185fd72c b637376a7c0f15bb b666a890b476ce03 b72e0ae918dbe1dc b762d5004a707403 b7ead5cf347cc634 b84e11afdb9fbec8
b885b362b91e630b b894f25c1899a9bd b99aa124693b2e1f b9ac226aa2a8e9e7 b9b897153b76bee8 ba3f1093f54f5feb ba8ce458be0a694b
ba98aa077f19714d bc247480f535e001 bd31cea760160bcf bdee7532e9177d74 bf0124434d6027b4 bf9ea391dfe6f82a bfc835736ecfd931
c1ec474d9da9130b c4d8930b2191095e c5331b51aa445ff4 c7122b791d3b0144 c7a7b26aab3b86e0 c7c3a56e029e8285 c97d741ca77113e3
c9af13a4c6093441 cac794c7e51c892f cad83038347a5969 ccb65a5e8af3f6d2 ccf3219af6b15d5a ce4567c38759c2a4 ceae433e30319680
cef715131605fc02 cf2da0d58dbcb4ea d06cd09a386fdb47 d0c512f93d840235 d0d2fc23dafea2e8 d1286fd4245c7ec0 d17ec0ff337d5d1b
d335a287e5c91bda d465878e04051aef d4a6e26196e826c9 d4aad2b9927bb172 d4d78037ac529026 d5260539113b3344 d56224230dd22e41
d8cd7fa4258ab63e da1d90061cb981bf dd072fd0e5d936da ddac62d5b50ecfb8 dfffbdc84020ceaa e01afe134f27957c e1483bd4d5da8649
e1cab5c6ad5dc1af e2aa5e3f7e77859d e2c596489e345e17 e5154214fb0e9e26 e56be675abfa5c75 e641c819f7a75fbb e6c50c0aa1efb5a8
e7517536eee050e9 e77eab74090f9e34 e7a28dcf4e8aef01 e91963dcbb77861b ec9c5451d68f48e1 ed0e49e6cfd3dd45 edf0d09f9f7938a0
ee2cc54fada0fabe ee36fcca3b951817 eea4ad86e36b7ef0 efac100affe980db f3bb731bab24975a f958da5bcdfa3e34 f9f4a2ec6f292bab
fa3048a5772f484c fad680288c543abc fcabca761198735c fd2cba1eb9e4fa58 fd373afbefd631d4 fde55de45ec9e81a ffdf2f483ce568bd
"""
FORTUNES_MARKS: frozenset[str] = frozenset(_MARKS.split())
