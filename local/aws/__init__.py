"""AWS on loopback: a moto server made strict, one small module per thing that moto gets wrong or lacks."""
