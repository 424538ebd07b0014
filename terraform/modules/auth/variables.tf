variable "region" {
  description = "Region of the pool; part of the issuer."
  type        = string
}

variable "login_prefix" {
  description = "First label of the login page's host, unique in the region."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.login_prefix))
    error_message = "login_prefix must have 1 to 63 lower-case letters, digits and hyphens."
  }

  validation {
    condition     = !can(regex("aws|amazon|cognito", var.login_prefix))
    error_message = "login_prefix must not contain aws, amazon or cognito: Cognito refuses it."
  }
}

variable "callback_ports" {
  description = "Loopback ports on which the GUI may wait for the code; the same five as in the GUI."
  type        = list(number)
  default     = [8765, 8766, 8767, 8768, 8769]

  validation {
    condition     = length(distinct(var.callback_ports)) == 5 && alltrue([for port in var.callback_ports : port >= 1024 && port <= 65535])
    error_message = "callback_ports must be five different ports from 1024 to 65535."
  }
}

variable "protect_data" {
  description = "Whether the pool, and with it every user, refuses to be deleted."
  type        = bool
  default     = true
}
