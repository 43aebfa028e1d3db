"""What an image has for a language beside Debian's packages: Dockerfile lines, and where their results lie."""

from __future__ import annotations

from ..data import DataFile

ROOT = "/opt/languages"
"""Where an image has what does not come from Debian."""
TYPESCRIPT = DataFile(
    name="typescript-5.4.5.tgz",
    sha256="154fae77169f04155ac52d521ac59abb07c9be29ea3744732adbf9f14abb2440",
    origin="npm, typescript 5.4.5, Apache-2.0",
    url="https://registry.npmjs.org/typescript/-/typescript-5.4.5.tgz",
)
"""Its digest was compared with the registry's own (sha512-vcI4UpRgg81o...)."""
HEADER = f"{ROOT}/cpp/stdc.h"
TUPLES = "/usr/share/java/javatuples.jar"
GOPATH = "/usr/share/gocode"
"""Where Debian has Go's packages, such as the assertions of HumanEvalPack's tests."""
CRATES = ("rand", "regex", "md5")
"""What HumanEvalPack's programs in Rust use."""

PRECOMPILE_HEADER = (
    f"RUN mkdir -p {ROOT}/cpp && cp $(find /usr/include -path '*/bits/stdc++.h') {HEADER}"
    f" && g++ -std=c++17 -x c++-header {HEADER} -o {HEADER}.gch"
)
WARM_GO = (
    f"RUN mkdir /tmp/go && cd /tmp/go && export GO111MODULE=off GOPATH={GOPATH} GOCACHE={ROOT}/go"
    """ && (printf 'package main\\nimport (\\n"testing"\\n_ "github.com/stretchr/testify/assert"\\n'"""
    """ && go list std | grep -vE '^(vendor|plugin|testing$|runtime/(cgo|race))|internal' | sed 's/.*/_ "&"/'"""
    " && printf ')\\nfunc TestNone(*testing.T) {}\\n') > all_test.go && go test all_test.go && cd / && rm -r /tmp/go"
)
"""What `go test` makes of every package that a program may import, vet's facts above all: 12 s of CPU a program else.
Programs read this cache and cannot write it."""
BUILD_CRATES = (
    "RUN cargo new --quiet --lib --vcs none /tmp/crates && cd /tmp/crates"
    f" && printf '%s = \"*\"\\n' {' '.join(CRATES)} >> Cargo.toml"
    " && CARGO_PROFILE_DEV_DEBUG=0 cargo build --offline --config 'source.crates-io.replace-with=\"debian\"'"
    " --config 'source.debian.directory=\"/usr/share/cargo/registry\"'"
    f" && mkdir -p {ROOT}/rust && cp target/debug/deps/*.rlib {ROOT}/rust/ && rm -r /tmp/crates"
)
FETCH_JULIA = (
    "RUN curl -fsSL https://julialang-s3.julialang.org/bin/linux/x64/1.8/julia-1.8.2-linux-x86_64.tar.gz"
    " | tar xz -C /opt && ln -s /opt/julia-1.8.2/bin/julia /usr/local/bin/"
)
FETCH_SWIFT = (
    "RUN curl -fsSL https://download.swift.org/swift-5.7-release/ubuntu2204/swift-5.7-RELEASE/"
    "swift-5.7-RELEASE-ubuntu22.04.tar.gz | tar xz -C / --strip-components=1"
)
