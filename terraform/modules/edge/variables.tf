variable "handlers" {
  description = "The functions that routes lead to, by their names in lambdas/."
  type        = map(object({ function_name = string, arn = string, qualifier = optional(string) }))

  validation {
    condition     = contains(keys(var.handlers), "router") && contains(keys(var.handlers), "queue_health")
    error_message = "handlers must have `router` and `queue_health`: every route leads to one of them."
  }
}

variable "alert_topic_arn" {
  description = "Topic that alarms are sent to."
  type        = string
}
