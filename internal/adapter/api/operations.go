package api

import "maps"

// operationTexts are the descriptions of the operations in the OpenAPI document, by operationId.
// Where a route has a longer text of its own, that stands there instead.
func operationTexts() map[string]string {
	all := customersTexts()
	maps.Copy(all, adminsTexts())
	return all
}

func customersTexts() map[string]string {
	return map[string]string{
		"signUp": "Makes a customer. A loginId and an e-mail address belong to one person.",
		"logIn":  "Gives a bearer token for a loginId and a password. Send it as `Authorization: Bearer`.",
		"getMe":  "The user of the token.",

		"getBrand": "A brand. It may be kept by anybody; ask with If-None-Match whether it is current.",
		"listProducts": "Products that customers can see. page.nextCursor leads to the next page: it stays right while products " +
			"come and go.",
		"getProduct": "A product, with its stock and its rank in the live ranking of today. A request is a view of the product, " +
			"which counts in the ranking.",

		"likeProduct":   "Likes a product. Who likes it already likes it once.",
		"unlikeProduct": "Takes my like back. Who does not like the product changes nothing.",
		"listMyLikes":   "The products that I like and that customers can see.",

		"getPoints":    "What is in my wallet, in won.",
		"chargePoints": "Adds points to my wallet. With an Idempotency-Key, a repeated request adds them once.",
		"listPoints":   "Each change of my wallet with the balance after it. The sum of the amounts is the balance.",

		"issueCoupon":   "Issues a coupon to me. There is a limited number of each, and one for each user.",
		"listMyCoupons": "The coupons that were issued to me, whether I can use them or not.",

		"createOrder": "Sells a basket: takes the stock, the points and the coupon, all of it or nothing. Prices are those of this " +
			"moment. Points pay all of it, or a card pays what points do not: then the order is PENDING until the gateway has " +
			"charged the card, usually for a few seconds.",
		"listOrders": "My orders with their lines.",
		"getOrder":   "One of my orders, with its lines, its payment and its history.",
		"cancelOrder": "Cancels an order that is PENDING or PAID, and gives back what it took: stock, points, coupon, and the money " +
			"of a card.",
		"paymentCallback": "The payment gateway reports the outcome of a charge. The shop asks the gateway itself before it believes it.",

		"explainRanking": "The counters, weights and days that make the score of a product, so that you can compute it with paper " +
			"and pencil.",
	}
}

func adminsTexts() map[string]string {
	return map[string]string{
		"createBrand":   "Makes a brand. Its name is its own.",
		"createProduct": "Makes a product with a first stock. Customers see it at once.",
		"changeProduct": "Changes the fields that are given. Orders that are placed keep the price that they were sold for.",
		"adjustStock":   "Adds a delivery to the stock, or removes pieces from it. Orders that come in meanwhile are not undone.",
		"createCoupon":  "Makes a coupon that users can have issued to them.",
		"getCoupon":     "A coupon, and how many were issued.",

		"cancelOrderOfCustomer": "Cancels the order of any customer, and gives back what it took, as the customer's own cancel does. The history " +
			"of the order says that an operator did it.",
		"listPayments":   "Card payments. Without parameters: those that wait for the gateway, or whose refund is due.",
		"getPayment":     "All that the shop knows about a payment: its order, the charges of the gateway, and each step.",
		"recheckPayment": "Asks the gateway about the order now, without waiting for the next look, and acts by what it says.",
		"settlePayment": "Ends a payment by the word of a person, where the gateway does not answer. It is noted with the name of " +
			"the admin and the reason.",

		"listDeadLetters":    "The index of the records that a consumer group has given up.",
		"countDeadLetters":   "How many there are in each state, and the oldest of them.",
		"getDeadLetter":      "A record as Kafka has it, why it failed, who did what with it, and what a replay would do.",
		"replayDeadLetter":   "Sends the record to its consumer group again. An event that was counted does not count again.",
		"discardDeadLetter":  "Marks the record as not needed. It can still be replayed.",
		"previewReplay":      "Says what a replay would do, and does nothing.",
		"replayDeadLetters":  "Starts a job that replays all records that match. The answer has its id.",
		"discardDeadLetters": "Starts a job that discards all new records that match. The answer has its id.",
		"getDeadLetterJob":   "How far a job is that replays or discards.",

		"listEvents":       "The log of all events that the shop has published, newest first.",
		"getEvent":         "One event with its place in Kafka and its content.",
		"getOrderTimeline": "All that happened to an order: each event, and what it changed.",

		"getRankingWeights":     "The weights by which views, likes and orders count.",
		"changeRankingWeights":  "Sets all weights. The boards of today and later are made anew with them.",
		"previewRankingWeights": "The first 20 products of a day by these weights beside their ranks of now. Nothing changes.",
		"explainRankingByEvents": "The score of a product as explainRanking has it, with the newest events behind it: who viewed, " +
			"liked and bought.",
	}
}
