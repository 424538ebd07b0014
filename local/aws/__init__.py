"""AWS on loopback: a moto server made strict, a module or a package a service. How to add one: `docs/local_aws.md`."""
