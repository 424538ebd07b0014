variable "account" {
  description = "Partition, region and account id, of which ARNs are made."
  type        = object({ partition = string, region = string, id = string })
}

variable "budget_eur" {
  description = "Monthly budget in EUR."
  type        = number

  validation {
    condition     = var.budget_eur > 0
    error_message = "budget_eur must be more than 0: with a budget of 0 the first mail would be the last. The usual one is 20."
  }
}

variable "usd_per_eur" {
  description = "Exchange rate, for AWS bills in USD: that of tinyllama/domain/prices.py."
  type        = number

  validation {
    condition     = var.usd_per_eur > 0.5 && var.usd_per_eur < 2
    error_message = "usd_per_eur is how many USD a EUR costs, as 1.1435."
  }
}

variable "alert_email" {
  description = "Mail address of alerts and budget warnings; that of a Slack channel will do."
  type        = string

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.alert_email))
    error_message = "alert_email must be a mail address, as ops@example.com: the budget's warnings are sent there."
  }
}

variable "cost_email" {
  description = "Mail address of the daily cost mail."
  type        = string

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.cost_email))
    error_message = "cost_email must be a mail address, as finance@example.com: the daily costs are sent there."
  }
}

variable "alert_urls" {
  description = "HTTPS addresses that alerts are sent to as well and that confirm by themselves, as PagerDuty's do."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for url in var.alert_urls : can(regex("^https://[^/\\s]+", url))])
    error_message = "alert_urls must start with https://: alerts name accounts and must not be read on the way."
  }
}

variable "tag_audit" {
  description = "Whether AWS Config watches the node's tags: `record` with a recorder of ours, `existing` with the account's, `off`."
  type        = string
  default     = "record"

  validation {
    condition     = contains(["record", "existing", "off"], var.tag_audit)
    error_message = "tag_audit must be record, existing (the account has an AWS Config recorder already; only one is allowed) or off."
  }
}

variable "bucket_suffix" {
  description = "What makes bucket names unique in the world, as the account id."
  type        = string
}

variable "protect_data" {
  description = "Whether `destroy` refuses to delete the audit trail."
  type        = bool
  default     = true
}

variable "dashboard_body" {
  description = "JSON of the dashboard."
  type        = string

  validation {
    condition     = can(jsondecode(var.dashboard_body).widgets)
    error_message = "dashboard_body must be JSON with `widgets`: see observability/dashboard.json."
  }
}

variable "resize_audit_query" {
  description = "SQL of the saved query."
  type        = string
}
