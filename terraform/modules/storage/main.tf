# Monthly cost: USD 0.06 for the copies of the key set every ten minutes and the replies (PUT USD 0.005 a thousand,
# USD 0.0245 a GB).

module "replies" {
  source = "../bucket"

  name         = "tlfif-responses-${var.bucket_suffix}"
  partition    = var.partition
  role         = "storage"
  expire_days  = var.reply_days
  protect_data = var.protect_data
}

# The pool's public keys, where functions inside the VPC can read them (decision 4). Written anew every ten minutes.
module "keys" {
  source = "../bucket"

  name         = "tlfif-keys-${var.bucket_suffix}"
  partition    = var.partition
  role         = "storage"
  expire_days  = 1
  protect_data = false
}
