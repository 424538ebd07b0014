variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 63 lower-case letters, digits and hyphens, as S3 wants them."
  }
}

variable "role" {
  description = "Value of the tag Role."
  type        = string
}

variable "partition" {
  description = "Partition of the ARNs: aws, but in China and for governments."
  type        = string
  default     = "aws"
}

variable "expire_days" {
  description = "Days after which an object is deleted."
  type        = number

  validation {
    condition     = var.expire_days >= 1 && floor(var.expire_days) == var.expire_days
    error_message = "expire_days must be a whole number of days, 1 or more."
  }
}

variable "protect_data" {
  description = "Whether `destroy` refuses to delete the bucket while it is not empty."
  type        = bool
  default     = true
}

variable "statements" {
  description = "Further statements of the bucket's policy, as for a service that writes to it."
  type        = any
  default     = []
}
