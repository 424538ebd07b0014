variable "enable_redis" {
  description = "Whether the queue is on Redis, for EUR 0.032 an hour, instead of on SQS and DynamoDB."
  type        = bool
  default     = false

  validation {
    condition     = !var.enable_redis || length(var.private_subnet_ids) > 0 && var.functions_security_group_id != null
    error_message = "enable_redis needs private_subnet_ids and functions_security_group_id: set private_subnets in `network`."
  }
}

variable "visibility_s" {
  description = "Seconds for which a claimed job is invisible to others, unless its worker renews it: its lease."
  type        = number
  default     = 15

  validation {
    condition     = var.visibility_s >= 1 && var.visibility_s <= 43200
    error_message = "visibility_s must be from 1 to 43200, what SQS takes."
  }
}

variable "max_receives" {
  description = "How often a message may be received before SQS puts it aside; far above MAX_ATTEMPTS, for each look counts."
  type        = number
  default     = 100

  validation {
    condition     = var.max_receives >= 1 && var.max_receives <= 1000
    error_message = "max_receives must be from 1 to 1000, what SQS takes."
  }
}

variable "protect_data" {
  description = "Whether the table refuses to be deleted."
  type        = bool
  default     = true
}

variable "alert_topic_arn" {
  description = "Topic that alarms are sent to."
  type        = string
}

variable "vpc_id" {
  description = "The VPC that Redis is in."
  type        = string
}

variable "vpc_cidr" {
  description = "IPv4 block of the VPC."
  type        = string
}

variable "private_subnet_ids" {
  description = "Subnets of Redis."
  type        = list(string)
  default     = []
}

variable "functions_security_group_id" {
  description = "Group of the functions that may talk to Redis."
  type        = string
  default     = null
}

variable "node_security_group_id" {
  description = "Group of the node, which may talk to Redis."
  type        = string
}
