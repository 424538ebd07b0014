# Only with Redis: where the cluster is, and the functions that talk to it. No address of theirs can be reached from
# outside, and their only way out is IPv6 (decision 4).

resource "aws_subnet" "private" {
  count = var.private_subnets ? 2 : 0

  vpc_id                          = aws_vpc.main.id
  cidr_block                      = local.private_cidrs[count.index]
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, count.index + 1)
  availability_zone               = try(local.zones[count.index % length(local.zones)], null)
  assign_ipv6_address_on_creation = true

  tags = { Name = "tinyllama-private-${count.index}", Role = "network" }

  lifecycle {
    ignore_changes = [availability_zone]
  }
}

resource "aws_egress_only_internet_gateway" "private" {
  count = var.private_subnets ? 1 : 0

  vpc_id = aws_vpc.main.id
  tags   = { Name = "tinyllama", Role = "network" }
}

resource "aws_route_table" "private" {
  count = var.private_subnets ? 1 : 0

  vpc_id = aws_vpc.main.id
  tags   = { Name = "tinyllama-private", Role = "network" }
}

resource "aws_route" "private_ipv6" {
  count = var.private_subnets ? 1 : 0

  route_table_id              = aws_route_table.private[0].id
  destination_ipv6_cidr_block = "::/0"
  egress_only_gateway_id      = aws_egress_only_internet_gateway.private[0].id
}

resource "aws_route_table_association" "private" {
  count = length(aws_subnet.private)

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[0].id
}
