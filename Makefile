# Every target is a script of its own in deploy/, for machines without make.
.POSIX:

help:
	@echo 'make deps    fetch the real programs that the tests run, into .deps/'
	@echo 'make check   format, vet, staticcheck, tests; REQUIRE_ALL=1 forbids skipping'

deps:
	@deploy/deps.sh

check:
	@deploy/check.sh

.PHONY: help deps check
