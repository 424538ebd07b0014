variable "region" {
  description = "Region of the service endpoints."
  type        = string
}

variable "vpc_cidr" {
  description = "IPv4 block of the VPC, a private /22, whose four /24 become subnets."
  type        = string

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 2, 3)) && endswith(var.vpc_cidr, "/22") && try(cidrhost(var.vpc_cidr, 0), "") == split("/", var.vpc_cidr)[0]
    error_message = "vpc_cidr must be an IPv4 network of 22 bits, as 10.20.0.0/22: its first address, then /22."
  }

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2\\d|3[01])\\.|192\\.168\\.)", var.vpc_cidr))
    error_message = "vpc_cidr must be private (RFC 1918): choose one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  }
}

variable "vpn_cidr" {
  description = "IPv4 block from which SSH is allowed; null for nobody (Session Manager needs no port)."
  type        = string
  default     = null

  validation {
    condition     = var.vpn_cidr == null || can(cidrhost(var.vpn_cidr, 0)) && try(tonumber(split("/", var.vpn_cidr)[1]) >= 16, false)
    error_message = "vpn_cidr must be an IPv4 network of at least 16 bits, as 192.0.2.0/24: SSH is not for the whole internet."
  }

  validation {
    # Two networks overlap when they are the same at the shorter of their prefixes.
    condition = var.vpn_cidr == null || try(
      cidrhost("${split("/", var.vpn_cidr)[0]}/${min(tonumber(split("/", var.vpn_cidr)[1]), tonumber(split("/", var.vpc_cidr)[1]))}", 0)
      != cidrhost("${split("/", var.vpc_cidr)[0]}/${min(tonumber(split("/", var.vpn_cidr)[1]), tonumber(split("/", var.vpc_cidr)[1]))}", 0), true
    )
    error_message = "vpn_cidr overlaps with vpc_cidr, so answers would not find their way back: change one of them."
  }
}

variable "gpu_type" {
  description = "Instance type that the node's zone has to offer."
  type        = string
}

variable "private_subnets" {
  description = "Whether there are private subnets with a way out for IPv6 only: Redis and the functions that use it."
  type        = bool
  default     = false
}
