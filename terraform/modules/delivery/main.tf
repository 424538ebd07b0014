# What turns a tag into a release (CI-002): buckets, the build document, and GitHub's way in. Monthly cost: nothing but
# the storage of a few archives, USD 0.01. The builder itself is in builder.tf.

locals {
  arn   = "arn:${var.account.partition}"
  place = "${var.account.region}:${var.account.id}"

  buckets      = { source = "tlfif-build-src-${var.bucket_suffix}", artifacts = "tlfif-build-artifacts-${var.bucket_suffix}" }
  builder_tags = { "aws:ResourceTag/Project" = "tinyllama", "aws:ResourceTag/Role" = "builder" }
  router_arn   = "${local.arn}:lambda:${local.place}:function:tinyllama-router"
}

module "bucket" {
  source   = "../bucket"
  for_each = local.buckets

  name         = each.value
  role         = "delivery"
  partition    = var.account.partition
  expire_days  = 30
  protect_data = var.protect_data
}

resource "aws_ssm_document" "build" {
  name            = "TL-SAM-Build"
  document_type   = "Command"
  document_format = "YAML"
  target_type     = "/AWS::EC2::Instance"

  content = templatefile("${path.module}/documents/TL-SAM-Build.yaml", {
    source_bucket   = local.buckets.source
    artifact_bucket = local.buckets.artifacts
  })

  tags = { Role = "delivery" }
}
