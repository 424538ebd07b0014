# The audit lines of runbooks that were run before the first apply, or of a stack that was destroyed since: their group is
# there already, without a retention, and must not stand in the way.

data "aws_cloudwatch_log_groups" "audit" {
  log_group_name_prefix = "/tinyllama/audit"
}

import {
  for_each = setintersection(data.aws_cloudwatch_log_groups.audit.log_group_names, ["/tinyllama/audit"])
  to       = module.ops.aws_cloudwatch_log_group.runbooks
  id       = each.key
}
