"""Every product there is, by name."""

from soc.normalize.products import cisco_asa, fortigate, generic_json, linux, recognize, web, windows_json
from soc.normalize.products.product import Product

PRODUCTS: dict[str, Product] = {
    product.name: product
    for product in (
        recognize.PRODUCT,
        fortigate.PRODUCT,
        cisco_asa.PRODUCT,
        *linux.PRODUCTS,
        web.NGINX,
        web.APACHE,
        web.WEB,
        windows_json.PRODUCT,
        generic_json.PRODUCT,
    )
}
"""By the name a source profile gives; a new product is a module and a line here."""
