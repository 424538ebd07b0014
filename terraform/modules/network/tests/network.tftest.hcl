# The network: what is public, what is not, and which input is refused.

mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  region   = "eu-central-1"
  vpc_cidr = "10.20.0.0/22"
  gpu_type = "g4dn.xlarge"
}

run "without_redis_there_is_one_public_subnet_and_no_private_one" {
  assert {
    condition     = aws_subnet.public.cidr_block == "10.20.0.0/24" && length(aws_subnet.private) == 0
    error_message = "Private subnets are for Redis only."
  }

  assert {
    condition     = length(aws_security_group.functions) == 0 && length(aws_egress_only_internet_gateway.private) == 0
    error_message = "Without Redis no function is inside the VPC."
  }
}

run "private_subnets_go_out_by_ipv6_only" {
  variables {
    private_subnets = true
  }

  assert {
    condition     = aws_subnet.private[*].cidr_block == ["10.20.1.0/24", "10.20.2.0/24"]
    error_message = "RED-001 wants 10.20.1.0/24, and a second one in another zone."
  }

  assert {
    condition     = aws_route.private_ipv6[0].destination_ipv6_cidr_block == "::/0"
    error_message = "The private way out is the egress-only gateway, for IPv6."
  }

  assert {
    condition     = !anytrue([for subnet in aws_subnet.private : coalesce(subnet.map_public_ip_on_launch, false)])
    error_message = "Nothing in a private subnet may get a public address."
  }
}

run "the_node_is_in_a_zone_that_has_gpus" {
  assert {
    condition     = aws_subnet.public.availability_zone == "eu-central-1a"
    error_message = "The first zone that offers the GPU type is the node's."
  }
}

run "nobody_may_come_in_by_default" {
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.node_ssh) == 0
    error_message = "SSH is open although no VPN was named."
  }
}

run "ssh_is_for_the_vpn_only" {
  variables {
    vpn_cidr = "192.0.2.0/24"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.node_ssh[0].cidr_ipv4 == "192.0.2.0/24" && aws_vpc_security_group_ingress_rule.node_ssh[0].to_port == 22
    error_message = "The only way in is SSH from the VPN."
  }
}

run "functions_in_the_vpc_reach_aws_by_https_only" {
  variables {
    private_subnets = true
  }

  assert {
    condition     = alltrue([for rule in concat(aws_vpc_security_group_egress_rule.functions_aws, values(aws_vpc_security_group_egress_rule.functions_gateway)) : rule.from_port == 443 && rule.to_port == 443])
    error_message = "The functions' group lets out more than HTTPS; the way to Redis belongs to `queue`."
  }
}

run "rejects_a_vpc_that_is_not_a_22" {
  command         = plan
  expect_failures = [var.vpc_cidr]

  variables {
    vpc_cidr = "10.20.0.0/16"
  }
}

run "rejects_a_vpc_cidr_that_is_not_the_networks_first_address" {
  command         = plan
  expect_failures = [var.vpc_cidr]

  variables {
    vpc_cidr = "10.20.1.0/22"
  }
}

run "rejects_a_public_vpc_cidr" {
  command         = plan
  expect_failures = [var.vpc_cidr]

  variables {
    vpc_cidr = "203.0.112.0/22"
  }
}

run "rejects_a_vpn_that_overlaps_with_the_vpc" {
  command         = plan
  expect_failures = [var.vpn_cidr]

  variables {
    vpn_cidr = "10.20.2.0/24"
  }
}

run "rejects_a_vpn_that_contains_the_vpc" {
  command         = plan
  expect_failures = [var.vpn_cidr]

  variables {
    vpn_cidr = "10.20.0.0/16"
  }
}

run "rejects_ssh_from_the_whole_internet" {
  command         = plan
  expect_failures = [var.vpn_cidr]

  variables {
    vpn_cidr = "0.0.0.0/0"
  }
}

run "rejects_a_vpn_that_is_no_network" {
  command         = plan
  expect_failures = [var.vpn_cidr]

  variables {
    vpn_cidr = "vpn.example.com"
  }
}

run "rejects_a_region_where_no_zone_has_the_gpu" {
  command         = plan
  expect_failures = [aws_vpc.main]

  override_data {
    target = data.aws_ec2_instance_type_offerings.gpu
    values = { locations = [] }
  }
}
