# Who resized the node (EC2-002), and who ran which runbook (docs/ops/audit.md). Monthly cost: nothing for the first trail
# of an account but its storage, about USD 0.01; Athena USD 5 a TB read, and a KB of log a runbook: nothing to speak of.

locals {
  trail_arn  = "${local.arn}:cloudtrail:${local.place}:trail/tinyllama"
  bucket_arn = "${local.arn}:s3:::${local.bucket}"
  bucket     = "tlfif-audit-${var.bucket_suffix}"
  logs       = "s3://${local.bucket}/AWSLogs/${var.account.id}/CloudTrail/${var.account.region}"

  # What each service needs to write to the bucket, as its documentation has it.
  writers = [
    { name = "CloudTrail", principal = "cloudtrail.amazonaws.com", look = ["s3:GetBucketAcl"] },
    { name = "Config", principal = "config.amazonaws.com", look = ["s3:GetBucketAcl", "s3:ListBucket"] },
  ]
}

module "audit" {
  source = "../bucket"

  name         = local.bucket
  role         = "ops"
  partition    = var.account.partition
  expire_days  = 365
  protect_data = var.protect_data

  statements = concat(
    [for writer in local.writers : {
      Sid       = "${writer.name}Looks"
      Effect    = "Allow"
      Principal = { Service = writer.principal }
      Action    = writer.look
      Resource  = [local.bucket_arn]
      Condition = { StringEquals = { "aws:SourceAccount" = var.account.id } }
    }],
    [for writer in local.writers : {
      Sid       = "${writer.name}Writes"
      Effect    = "Allow"
      Principal = { Service = writer.principal }
      Action    = ["s3:PutObject"]
      Resource  = ["${local.bucket_arn}/AWSLogs/${var.account.id}/*"]
      Condition = { StringEquals = {
        "aws:SourceAccount" = var.account.id
        "s3:x-amz-acl"      = "bucket-owner-full-control"
      } }
    }],
  )
}

# The line that every runbook leaves. Runbooks make the group when they come first; the root takes it over then.
resource "aws_cloudwatch_log_group" "runbooks" {
  name              = "/tinyllama/audit"
  retention_in_days = 365
  skip_destroy      = var.protect_data
  tags              = { Role = "ops" }
}

resource "aws_cloudtrail" "audit" {
  name                       = "tinyllama"
  s3_bucket_name             = module.audit.name
  is_multi_region_trail      = true # whoever misuses an account does so where nobody looks
  enable_log_file_validation = true

  event_selector {
    read_write_type           = "WriteOnly"
    include_management_events = true
  }

  tags = { Role = "ops" }
}

resource "aws_athena_workgroup" "audit" {
  name          = "tinyllama-audit"
  description   = "Questions to the audit trail"
  force_destroy = true

  configuration {
    bytes_scanned_cutoff_per_query  = 1073741824 # USD 0.005
    enforce_workgroup_configuration = true

    result_configuration {
      output_location = "s3://${module.audit.name}/athena/"

      encryption_configuration {
        encryption_option = "SSE_S3"
      }
    }
  }

  tags = { Role = "ops" }
}

resource "aws_glue_catalog_database" "audit" {
  name        = "tinyllama_audit"
  description = "The audit trail of tinyllama"
  tags        = { Role = "ops" }
}

# The columns that the query reads; a day is a partition that Athena works out by itself.
resource "aws_glue_catalog_table" "cloudtrail" {
  name          = "cloudtrail"
  description   = "What CloudTrail wrote"
  database_name = aws_glue_catalog_database.audit.name
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                       = "TRUE"
    "projection.enabled"           = "true"
    "projection.day.type"          = "date"
    "projection.day.format"        = "yyyy/MM/dd"
    "projection.day.range"         = "2026/01/01,NOW"
    "projection.day.interval"      = "1"
    "projection.day.interval.unit" = "DAYS"
    "storage.location.template"    = "${local.logs}/$${day}"
  }

  partition_keys {
    name = "day"
    type = "string"
  }

  storage_descriptor {
    location      = local.logs
    input_format  = "com.amazon.emr.cloudtrail.CloudTrailInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hive.hcatalog.data.JsonSerDe"
    }

    dynamic "columns" {
      for_each = {
        eventtime       = "string", eventsource = "string", eventname = "string", errorcode = "string", errormessage = "string"
        sourceipaddress = "string", requestparameters = "string", responseelements = "string"
        useridentity    = "struct<type:string,arn:string,invokedby:string>"
      }

      content {
        name = columns.key
        type = columns.value
      }
    }
  }
}

resource "aws_athena_named_query" "resize_audit" {
  name        = "resize-audit"
  description = "Who resized, started or stopped the node, and with what outcome"
  workgroup   = aws_athena_workgroup.audit.id
  database    = aws_glue_catalog_database.audit.name
  query       = var.resize_audit_query
}
