variable "handlers" {
  description = "The functions that routes lead to, by their names in lambdas/."
  type        = map(object({ function_name = string, arn = string, qualifier = optional(string) }))

  validation {
    condition     = length(setsubtract(["router", "queue_health", "resize"], keys(var.handlers))) == 0
    error_message = "handlers must have `router`, `queue_health` and `resize`: every route leads to one of them."
  }
}

variable "alert_topic_arn" {
  description = "Topic that alarms are sent to."
  type        = string
}
