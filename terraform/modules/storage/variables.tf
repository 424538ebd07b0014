variable "bucket_suffix" {
  description = "What makes bucket names unique in the world, as the account id."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,40}[a-z0-9]$", var.bucket_suffix))
    error_message = "bucket_suffix must have 3 to 42 lower-case letters, digits and hyphens, as S3 wants them."
  }
}

variable "reply_days" {
  description = "Days after which a reply is deleted."
  type        = number
  default     = 30

  validation {
    condition     = var.reply_days >= 1 && var.reply_days <= 365 && floor(var.reply_days) == var.reply_days
    error_message = "reply_days must be a whole number of days from 1 to 365."
  }
}

variable "protect_data" {
  description = "Whether `destroy` refuses to delete a bucket that is not empty."
  type        = bool
  default     = true
}

variable "partition" {
  description = "Partition of the ARNs: aws, but in China and for governments."
  type        = string
  default     = "aws"
}
