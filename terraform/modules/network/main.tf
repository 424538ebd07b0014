# Monthly cost: nothing. No NAT gateway (USD 38 a month in Frankfurt), no interface endpoints: decision 4.
# A public IPv4 address is billed with the node, while it runs.

locals {
  # A /22 gives four /24: the public one, two private ones, and one to spare.
  public_cidr   = cidrsubnet(var.vpc_cidr, 2, 0)
  private_cidrs = [cidrsubnet(var.vpc_cidr, 2, 1), cidrsubnet(var.vpc_cidr, 2, 2)]
  # Not every zone has GPU instances; the first that has is the node's.
  zones = sort(data.aws_ec2_instance_type_offerings.gpu.locations)
}

data "aws_ec2_instance_type_offerings" "gpu" {
  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = [var.gpu_type]
  }
}

resource "aws_vpc" "main" {
  cidr_block                       = var.vpc_cidr
  assign_generated_ipv6_cidr_block = true
  enable_dns_hostnames             = true
  enable_dns_support               = true

  tags = { Name = "tinyllama", Role = "network" }

  lifecycle {
    precondition {
      condition     = length(local.zones) > 0
      error_message = "No zone of this region offers ${var.gpu_type}: choose another `gpu_type` or another `region`."
    }
  }
}

# AWS makes it with the VPC, and it allows everything within itself. Nothing of ours uses it.
resource "aws_default_security_group" "unused" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "tinyllama-unused", Role = "network" }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "tinyllama", Role = "network" }
}

resource "aws_subnet" "public" {
  vpc_id                          = aws_vpc.main.id
  cidr_block                      = local.public_cidr
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, 0)
  availability_zone               = try(local.zones[0], null)
  assign_ipv6_address_on_creation = true

  tags = { Name = "tinyllama-public", Role = "network" }

  lifecycle {
    ignore_changes = [availability_zone] # a zone that offers GPUs from now on must not move the node
  }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "tinyllama-public", Role = "network" }
}

resource "aws_route" "public_ipv4" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main.id
}

resource "aws_route" "public_ipv6" {
  route_table_id              = aws_route_table.public.id
  destination_ipv6_cidr_block = "::/0"
  gateway_id                  = aws_internet_gateway.main.id
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

# Free, and what S3 and DynamoDB are asked stays off the public address.
resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(["s3", "dynamodb"])

  vpc_id          = aws_vpc.main.id
  service_name    = "com.amazonaws.${var.region}.${each.key}"
  route_table_ids = concat([aws_route_table.public.id], aws_route_table.private[*].id)

  tags = { Name = "tinyllama-${each.key}", Role = "network" }
}
