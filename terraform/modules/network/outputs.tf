output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.main.id
}

output "inside_cidrs" {
  description = "Address blocks of callers inside the VPC, IPv4 and IPv6 (decision 11)."
  value       = [aws_vpc.main.cidr_block, aws_vpc.main.ipv6_cidr_block]
}

output "public_subnet_id" {
  description = "Where the node is."
  value       = aws_subnet.public.id

  depends_on = [aws_route_table_association.public]
}

output "private_subnet_ids" {
  description = "Where Redis and its functions are; none without Redis."
  value       = aws_subnet.private[*].id
}

output "node_security_group_id" {
  description = "The node's security group."
  value       = aws_security_group.node.id
}

output "functions_security_group_id" {
  description = "Security group of functions inside the VPC; null without Redis."
  value       = one(aws_security_group.functions[*].id)
}
