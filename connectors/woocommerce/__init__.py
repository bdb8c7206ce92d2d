"""WooCommerce shops: signed webhooks, and a poll of the REST API. Set-up is in docs/connectors/woocommerce.md."""
