"""What stands around a number: a telephone word speaks for a phone, "order no." right before speaks against
everything.
"""

import re

from orderguard.masking.view import View

_LABELS = (
    # English
    "order|orders|ord|tracking|track|trackingid|shipment|parcel|package|consignment|waybill|awb|invoice|sku|skus|ean|"
    "eans|gtin|upc|isbn|item|items|"
    "article|articles|product|products|part|serial|batch|lot|ticket|case|reference|references|ref|refs|rma|return|"
    "delivery|quote|po|model|"
    "version|ver|rev|revision|firmware|driver|bios|voucher|coupon|"
    "barcode|barcodes|bar|catalogue|catalog|asin|colour|color|size|imei|code|codes|"
    "hts|container|pallet|sscc|build|release|"
    "ups|dhl|usps|fedex|dpd|gls|hermes|evri|postnl|"
    # German
    "bestellung|bestellungen|bestellnummer|bestellnummern|bestellnr|auftrag|auftragsnummer|auftragsnr|sendung|"
    "sendungsnummer|sendungsnr|sendungsverfolgung|"
    "paket|paketnummer|paketnr|rechnung|rechnungsnummer|rechnungsnr|artikel|artikelnummer|artikelnummern|artikelnr|"
    "seriennummer|"
    "lieferung|lieferschein|lieferscheinnummer|gutschein|gutscheincode|charge|chargennummer|vorgang|vorgangsnummer|"
    "retoure|retourennummer|"
    # French
    "commande|commandes|colis|suivi|facture|livraison|lot|serie|produit|reference|expedition|bon|envoi|"
    # Spanish, Portuguese, Italian
    "pedido|pedidos|seguimiento|envio|factura|articulo|articulos|albaran|paquete|referencia|producto|serie|lote|"
    "encomenda|encomendas|rastreio|rastreamento|fatura|artigo|artigos|produto|referencia|guia|"
    "ordine|ordini|spedizione|tracciamento|fattura|articolo|articoli|pacco|prodotto|riferimento|codice|lotto|"
    # Dutch, Polish, Swedish, Czech
    "bestelling|bestelnummer|zending|pakket|factuur|factuurnummer|artikelnummer|trackingcode|tracktrace|volgnummer|"
    "zamowienie|zamowienia|zamowieniu|przesylka|przesylki|paczka|paczki|faktura|faktury|produkt|produktu|artykul|"
    "sledzenia|seryjny|"
    "ordernummer|ordernr|fakturanummer|sparningsnummer|kolli|kollinummer|paketnummer|forsandelse|artikelnummer|"
    "objednavka|objednavky|zasilka|zasilky|zbozi"
)
_FILLERS = (
    r"no|nos|nr|nrs|num|number|numbers|numero|numeros|nummer|nummern|id|ids|code|codes|codigo|kod|cislo|numer|"
    r"numery|is|are|was|ist|sind|war|lautet|"
    r"est|es|e|son|sont|sono|jest|de|del|di|du|della|la|le|the|my|der|die|das|mit|with|und|and|et|y|ed|en|i|och|a|n|"
    r"d|the|"
    r"tracking|commande|pedido|colis|envio|seguimiento|suivi|ordine|spedizione|przesylki|zamowienia|zu|for|of|to"
)
_IMPERSONAL = re.compile(
    rf"(?<![a-z])(?:{_LABELS})(?:[\s:#.,;/&(\[{{>|°º'\"=-]|(?<![a-z0-9])(?:{_FILLERS})(?![a-z])|"
    rf"\b(?=[a-z0-9-]*\d)[a-z0-9][a-z0-9-]{{3,}}(?=\s*[,;/&]|\s+(?:and|und|et|y|e|en|i|och)\s))*$"
)
_REACH_BACK = 48
_WORD = re.compile(r"(?<![^\W_])[^\W\d_]+(?![^\W_]|-\d{1,4}(?!\d))")
"""A word, but not the letters of a code such as SMS-3460."""


def labelled_impersonal(view: View, start: int) -> bool:
    """Whether the words right before `start` call what follows an order, tracking, article or such number."""
    return _IMPERSONAL.search(view.folded[max(0, start - _REACH_BACK) : start]) is not None


def near(view: View, start: int, end: int, words: frozenset[str], *, before: int = 48, after: int = 24) -> bool:
    """Whether one of `words` stands near: within `before` characters ahead of `start` or `after` characters behind
    `end`.
    """
    if view.vocabulary.isdisjoint(words):
        return False
    around = view.folded[max(0, start - before) : start] + " | " + view.folded[end : end + after]
    return not words.isdisjoint(_WORD.findall(around))
