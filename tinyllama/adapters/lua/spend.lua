-- Spends one token. KEYS: 1 throttle:{sub}. ARGV: 1 burst, 2 interval in ms. Returns 1, or 0 without a token.
return spend(KEYS[1], ARGV[1], ARGV[2]) and 1 or 0
