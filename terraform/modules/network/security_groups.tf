# The node's group exists with the VPC; that of the functions only when they are inside it.

resource "aws_security_group" "node" {
  #checkov:skip=CKV2_AWS_5:attached by the launch template in `node`
  name        = "tinyllama-node"
  description = "The GPU node: nobody comes in but from the VPN, everything may go out"
  vpc_id      = aws_vpc.main.id
  tags        = { Name = "tinyllama-node", Role = "network" }
}

resource "aws_vpc_security_group_ingress_rule" "node_ssh" {
  count = var.vpn_cidr == null ? 0 : 1

  security_group_id = aws_security_group.node.id
  description       = "SSH from the VPN"
  cidr_ipv4         = var.vpn_cidr
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  tags              = { Role = "network" }
}

resource "aws_vpc_security_group_egress_rule" "node" {
  for_each = { ipv4 = { cidr_ipv4 = "0.0.0.0/0" }, ipv6 = { cidr_ipv6 = "::/0" } }

  security_group_id = aws_security_group.node.id
  description       = "Packages, models and AWS"
  cidr_ipv4         = try(each.value.cidr_ipv4, null)
  cidr_ipv6         = try(each.value.cidr_ipv6, null)
  ip_protocol       = "-1"
  tags              = { Role = "network" }
}

resource "aws_security_group" "functions" {
  #checkov:skip=CKV2_AWS_5:attached to the functions in `functions`
  count = var.private_subnets ? 1 : 0

  name        = "tinyllama-functions"
  description = "Functions inside the VPC: Redis, and AWS over IPv6"
  vpc_id      = aws_vpc.main.id
  tags        = { Name = "tinyllama-functions", Role = "network" }
}

# The way to Redis is added by `queue`, which knows its group. Dual-stack endpoints have no prefix list, hence ::/0.
resource "aws_vpc_security_group_egress_rule" "functions_aws" {
  count = var.private_subnets ? 1 : 0

  security_group_id = aws_security_group.functions[0].id
  description       = "Dual-stack endpoints of AWS, through the egress-only gateway"
  cidr_ipv6         = "::/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = { Role = "network" }
}

# Gateway endpoints answer on IPv4: without this rule S3 and DynamoDB would be out of reach by their IPv4 names.
resource "aws_vpc_security_group_egress_rule" "functions_gateway" {
  for_each = var.private_subnets ? aws_vpc_endpoint.gateway : {}

  security_group_id = aws_security_group.functions[0].id
  description       = "The gateway endpoint of ${each.key}"
  prefix_list_id    = each.value.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = { Role = "network" }
}
