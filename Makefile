# `make demo` shows what pitstop does, `make test` runs everything. See README.md.
PRODUCT ?= demo
SECONDS ?= 60

.PHONY: help build demo test fleet bench fuzz dist setup clean
help:
	@echo "make demo               see a real server updated, verified and rolled back"
	@echo "make demo PRODUCT=flink the same with Apache Flink (needs Java 17 and 500 MB of downloads)"
	@echo "make test               run everything; installs what is missing when root"
	@echo "make fleet              tell the stories of whole fleets on booted hosts, with Ansible and with Puppet (as root)"
	@echo "make bench              measure speed and size against git, rsync, unzip and sha256sum, bundles against delta tools"
	@echo "make fuzz SECONDS=60    fuzz merges, edits and deltas, each for so long (needs a C++ compiler)"
	@echo "make build              build the agent: target/release/pitstop"
	@echo "make dist               make packages, archives, a bill of materials and checksums in dist/"
	@echo "make setup              only install what the tests need"
	@echo "make clean              remove what was built, downloaded and cached"

build:
	cargo build --release --locked

demo:
	@tests/demo/run.sh $(PRODUCT)

test:
	@tests/run.sh

# With the package as it is shipped.
fleet:
	@tests/setup.sh && agent/package/dist.sh binary packages
	@PITSTOP_BIN=$$(ls dist/pitstop-*-linux-$$(uname -m)) PITSTOP_DEB=$$(ls dist/pitstop_*_$$(dpkg --print-architecture).deb) tests/fleet/run.sh

bench: build
	@python3 -B tests/bench/bench.py
	@python3 -B tests/bench/bundles.py

fuzz:
	@agent/fuzz/run.sh $(SECONDS)

dist:
	@agent/package/dist.sh

setup:
	@tests/setup.sh

clean:
	cargo clean
	rm -rf .cache .demo dist
