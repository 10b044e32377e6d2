"""What people call the columns of a table of orders, in several languages."""

NAMES: dict[str, tuple[str, ...]] = {
    field: tuple(names.split(", "))
    for field, names in {
        "order_id": (
            "order id, order number, order no, orderid, order nr, order, invoice no, invoiceno, "
            "invoice number, invoice id, invoice, transaction id, transaction no, transaction, receipt no, "
            "receipt id, receipt, sales order, bestellnummer, bestell nr, auftragsnummer, auftrag, "
            "rechnungsnummer, belegnummer, numero commande, commande, n commande, pedido, numero pedido, "
            "id pedido, numero de pedido, ordine, numero ordine, bestelling, bestelnummer, zamowienie, "
            "numer zamowienia, number, reference, id"
        ),
        "created_at": (
            "created at, order date, orderdate, order date time, order datetime, date created, order time, "
            "purchase date, order purchase timestamp, invoice date, invoicedate, transaction date, "
            "sale date, ordered at, placed at, order created, bestelldatum, auftragsdatum, rechnungsdatum, "
            "datum, date commande, date de commande, fecha, fecha pedido, data, data ordine, data pedido, "
            "datetime, timestamp, date, day, time"
        ),
        "currency": "currency, currency code, order currency, wahrung, waehrung, devise, moneda, valuta, moeda",
        "customer.id": (
            "customer id, customerid, customer no, customer number, client id, user id, buyer id, member id, "
            "account id, kundennummer, kunden nr, kunde id, client, cliente, id cliente, klant, klantnummer, "
            "customer, buyer, user, kunde, card"
        ),
        "customer.email": "customer email, email, e mail, email address, buyer email, billing email, mail, correo",
        "customer.name": ("customer name, buyer name, billing name, kundenname, client name, nom client, name, kunde"),
        "customer.phone": "customer phone, phone, phone number, telephone, telefon, telefono, tel",
        "shipping.cost": (
            "shipping cost, shipping, freight, freight value, delivery charges, shipping price, "
            "versandkosten, delivery fee, frais de port"
        ),
        "shipping.method": "shipping method, ship mode, delivery method, shipping service, versandart, ship via",
        "payment.method": (
            "payment method, payment type, payment, zahlungsart, zahlart, cash type, pay method, forma de pago, "
            "mode de paiement"
        ),
        "coupon": "coupon, coupon code, discount code, voucher, promo code, gutschein, promotion code",
        "channel": "channel, sales channel, source",
        "discount": "order discount, discount total, discount amount",
        "shipping_address.country": (
            "shipping country, ship country, country code, country, land, pays, pais, " "delivery country"
        ),
        "shipping_address.city": "shipping city, ship city, city, ort, stadt, ville, ciudad, citta",
        "shipping_address.postcode": (
            "shipping zip, shipping postcode, ship postal code, postal code, postcode, zip, zip code, plz, "
            "postleitzahl, code postal, cap, cep"
        ),
        "shipping_address.region": "shipping state, state, province, region, bundesland",
        "shipping_address.street": "shipping address, ship address, address, street, strasse, adresse, direccion",
        "device.ip": "ip, ip address, customer ip, client ip",
        "device.user_agent": "user agent, browser",
        "note": "note, notes, customer note, comment, comments, remarks, bemerkung, kommentar",
        "items[].sku": (
            "sku, item sku, product sku, lineitem sku, stock code, stockcode, article number, article no, "
            "product id, productid, item id, item code, product code, article id, article, artikelnummer, "
            "artikel nr, artikel, art nr, reference article, codigo, codice, material, ean, asin, upc, "
            "product, item, item name, product name, description, produkt, produit, producto, prodotto, "
            "coffee name"
        ),
        "items[].quantity": (
            "quantity, qty, quantity purchased, item quantity, pieces, units, menge, anzahl, stuck, "
            "quantite, cantidad, quantita, aantal, ilosc, count"
        ),
        "items[].unit_price": (
            "unit price, unitprice, price per unit, item price, product price, avg price, price, "
            "einzelpreis, stuckpreis, preis, prix unitaire, prix, precio, precio unitario, prezzo, prijs, "
            "cena, line total, item total, total price, sales amount, sales, amount, betrag, total, montant, "
            "importe, revenue, money"
        ),
        "items[].category": (
            "category, product category, sku category, sub category, kategorie, warengruppe, categorie, categoria, "
            "department, product type"
        ),
        "items[].name": (
            "product name, item name, description, product title, title, bezeichnung, produktname, "
            "artikelbezeichnung, artikelname"
        ),
        "items[].discount": "item discount, line discount, discount, rabatt, remise, descuento, sconto",
        "_status": (
            "order status, status, financial status, payment status, state of order, bestellstatus, statut, " "estado"
        ),
    }.items()
}
"""A field, and what people call it in small letters, words parted by one blank, the better first."""
TOTALS = frozenset(
    "line total,item total,total price,sales amount,sales,amount,betrag,total,montant,importe,revenue,money".split(",")
)
"""Names of what a line costs in all, rather than a piece."""
ALONE = frozenset(
    "number,reference,id,order,data,day,time,card,total,money,count,user,source,name,ip,tel,cap,ort,client,item".split(
        ","
    )
)
"""Names that mean the field only where nothing stands beside them."""
