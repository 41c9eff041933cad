"""Writes jars.lock anew: resolves ROOTS with Maven, then records each jar's SHA-256 and size.

For maintainers only (`python -m stack.lock_jars`, needs `mvn`); users fetch what the lock names, without Maven.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from stack.jars import LOCK_FILE, Jar

ROOTS = {
    # The broker; log4j-slf4j-impl is what its own distribution logs with.
    "kafka": ("org.apache.kafka:kafka_2.13:4.1.0", "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"),
    # What Flink's pip distribution lacks: the Kafka connector, Parquet with Hadoop's client, the SQL gateway.
    "flink": (
        "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2",
        "org.apache.flink:flink-sql-parquet:2.3.0",
        "org.apache.flink:flink-sql-gateway:2.3.0",
        "org.apache.hadoop:hadoop-client-api:3.4.2",
        "org.apache.hadoop:hadoop-client-runtime:3.4.2",
        "commons-logging:commons-logging:1.3.5",
    ),
    "mongo": ("de.bwaldvogel:mongo-java-server-h2-backend:1.47.0", "org.slf4j:slf4j-simple:2.0.17"),
}
SHADED = {"flink"}
"""Sets whose jars hold what they need, so that only the roots themselves are locked."""


def _pom(roots: tuple[str, ...], *, transitive: bool) -> str:
    exclusions = (
        ""
        if transitive
        else "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
    )
    dependencies = ""
    for root in roots:
        group, artifact, version = map(escape, root.split(":"))
        dependencies += (
            f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
            f"<version>{version}</version>{exclusions}</dependency>"
        )
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>segue</groupId><artifactId>lock</artifactId>"
        f"<version>1</version><dependencies>{dependencies}</dependencies></project>"
    )


def resolve(name: str, roots: tuple[str, ...]) -> list[Jar]:
    """The runtime closure of `roots`, sorted by coordinate. Raises CalledProcessError where Maven fails."""
    with tempfile.TemporaryDirectory() as folder:
        pom, listing = Path(folder, "pom.xml"), Path(folder, "jars.txt")
        pom.write_text(_pom(roots, transitive=name not in SHADED))
        goal = ["dependency:list", "-DincludeScope=runtime", "-DoutputAbsoluteArtifactFilename=true"]
        subprocess.run(["mvn", "-q", "-B", "-f", str(pom), *goal, f"-DoutputFile={listing}"], check=True)
        rows = [line.strip() for line in listing.read_text().splitlines() if ":jar:" in line]
    jars = []
    for row in rows:
        # group:artifact:jar:version:scope:/absolute/file[ -- module …]
        group, artifact, _, version, _, file = row.split(" -- ")[0].strip().split(":")
        content = Path(file).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        jars.append(Jar(set=name, coordinate=f"{group}:{artifact}:{version}", sha256=digest, bytes=len(content)))
    return sorted(jars, key=lambda jar: jar.coordinate)


def main() -> None:
    """Resolve every set and replace the lock."""
    lines = ["# Written by `python -m stack.lock_jars`; do not edit.\n"]
    for name, roots in ROOTS.items():
        for jar in resolve(name, roots):
            lines.append(
                f'\n[[jar]]\nset = "{jar.set}"\ncoordinate = "{jar.coordinate}"\n'
                f'sha256 = "{jar.sha256}"\nbytes = {jar.bytes}\n'
            )
    LOCK_FILE.write_text("".join(lines))
    print(f"{LOCK_FILE}: {len(lines) - 1} jars", file=sys.stderr)


if __name__ == "__main__":
    main()
