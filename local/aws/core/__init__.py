"""What every service builds on: the clock, the port, what an HTTP request asks for, and how moto is changed."""
