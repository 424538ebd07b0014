-- KEYS: 1 jobs  2 workers  3 node:draining. Returns {jobs queued or in flight, 1 if a live, non-draining worker exists}.
return {redis.call('XLEN', KEYS[1]), worker_ready(KEYS[2], KEYS[3])}
